"""Stage message: what is sent and to whom. Pure: text and numbers in, text and numbers out."""
