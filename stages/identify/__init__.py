"""What a document is: columns with its language, its embedding and its cluster; nothing is dropped here."""
