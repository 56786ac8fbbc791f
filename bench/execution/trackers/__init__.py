"""Where is it shown how a run comes along?"""
