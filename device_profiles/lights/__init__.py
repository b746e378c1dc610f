"""Small USB lights and buttons: which there are, what they show, and the bytes that they speak."""
