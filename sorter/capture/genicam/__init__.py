"""Industrial cameras by GenICam, through the optional package harvesters (extra ``genicam``)."""
