"""From what people have (text, sound, pictures) to what models read."""
