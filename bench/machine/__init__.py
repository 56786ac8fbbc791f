"""What is this computer, and how does it run our processes?"""
