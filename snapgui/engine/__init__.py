"""The attack and all it stands on: images, victims, cells, gamuts, objectives. No widgets, no files of
users.
"""
