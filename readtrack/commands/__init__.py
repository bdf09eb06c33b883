"""What a terminal can ask for, a module a word: flags in, printing out."""
