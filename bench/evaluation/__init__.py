"""What is a prediction worth?"""
