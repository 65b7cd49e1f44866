"""What a data owner does. Sees identities and the linkage secret; never another owner's."""
