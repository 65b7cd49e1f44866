"""One name for each type of array, so that a signature says what kind of numbers it takes.

What an array holds (rows, counts, scores, filters) and its shape stand in the docstring of the
function that takes it: a name says the type only.
"""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]  # filters, (records, bytes), and whatever else is packed
Floats = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]  # numbers of values, where there are many of them
Int64s = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]  # Python's own: texts of any length, names
Structs = npt.NDArray[np.void]  # records with named fields
UInt16s = npt.NDArray[np.uint16]
Words = npt.NDArray[np.uint64]  # 64 bits, or a hash
