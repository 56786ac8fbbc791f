"""What differs between two studies: settings, code, scores, speed; and is it allowed to?"""
