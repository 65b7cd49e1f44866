"""The public Python interface, above the parties; its names are those of ``import blindlink``.

A call here is what one party does in one process: the owner encodes and assesses, the linker joins
and links, research evaluates. ``study`` holds the steps of the protocol under the words of the
command line. Libraries of a party are imported when one of its calls is made.
"""
