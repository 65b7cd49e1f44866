"""The worlds that tests play in: who there is, what they hold, and how much of it is made already.

One set of parties and keys serves all of them. Take the smallest world that shows what you test:

=================  ===============================================================================
``parties``        fixed keys of the owners ``moj``, ``ohid`` and ``nhs``, the linker ``ttp`` and
                   the analysts ``lab`` and ``analyst``; the linkage secret; the moment ``NOW``;
                   an agreement with any term changed, signed by whom you say. Nothing is written
``flow``           ``World(folder)``: extracts of sixty people each, and the protocol in Python:
                   ``submit``, ``link``, ``cohort``. ``finished(folder)`` has all of it in place
``files``          the same parties as files in the present folder, for the command line:
                   ``prepare``, ``submit``, ``receive``, ``link``, ``party`` for the options
``service``        ``served(world)``: a service that answers, with clients of each party
                   (``opened``, ``roles``, ``visitor``, ``certificates``, ``postgres`` help there)
``synthetic``      a synthetic study of 3,000 people from the generator, with its truth
``simulated``      an analyst's cohort written down row by row, or drawn with known error rates
``sample_tables``  a cohort large enough for the whole report
``linked_files``   two files of encodings with known truth, for the linker alone
``spark_files``    the same for Spark: ties, empty filters, match keys
``risk_people``    people with the skewed names that an attacker hopes for
``raw_layouts``    extracts as source systems write them, for ``owner import``
``scoring``        one synthetic study estimated and compared with its truth
=================  ===============================================================================

The test vectors have a world of their own in ``vectors.world``: the parties of this one, and files
that never change. What a test needs of the machine stands in ``needs``, the browser in ``chrome``.

Everything here is deterministic, made once in a session where tests can share it
(``functools.cache``), and copied where a test writes to it.
"""
