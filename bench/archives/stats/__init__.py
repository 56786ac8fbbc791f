"""What do the samples of an archive look like, in numbers and in images?"""
