"""Who is told how a run comes along?"""
