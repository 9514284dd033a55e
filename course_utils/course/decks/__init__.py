"""From executed notebooks to decks: one slide model, written as reveal.js pages, PowerPoint and PDF."""
