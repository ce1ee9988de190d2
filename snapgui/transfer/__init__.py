"""Does a patch made on one model fool another?"""
