"""Pure formatting: values in, spans of text and tone out. No Textual, no clock."""
