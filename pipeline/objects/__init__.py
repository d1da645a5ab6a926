"""An object store as the output of a run: what a folder can and a store cannot, and what stands for it.

    path.py      the names: `pathlib` for what can be said of a name, fsspec for what lies under it
    transfer.py  the bytes: they are written and read as files of this machine, and go as whole objects
    scratch.py   where those files lie, and how those of dead processes are found
    lease.py     one run at a time: no system holds a lock here, so a run shows that it lives
    publish.py   documents/ and dropped/: a store has no links, so objects move there, and back

A commit is the completed upload: no object is seen before all of it is there, as with a rename. A verdict
folder has no rename either; its last object says that the others are there. Nothing is asked of a store for
each shard in turn: folders are listed. Without such an output none of this imports fsspec.
"""
