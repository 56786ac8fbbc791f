"""What was asked, what is kept, and what is left to do?"""
