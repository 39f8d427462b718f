"""A run's cases on many hosts, through Dask.distributed (extra ``fleet``).

``dispatch`` decides, ``engine`` carries calls and answers, ``host`` and ``slot`` run cases, ``fleet`` joins them to a
run.
"""
