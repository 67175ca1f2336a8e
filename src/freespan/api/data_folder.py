"""Keeps the data folder of a host, and the files in it, to their owner.

The files are made for their owner alone, but one that was copied back may have other modes. And whoever may look into
the folder sees when they have changed; the database of invites changes within seconds of a reader who reads.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from freespan.access.invites import DATABASE

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SECRET_NAMES = ("egress-key.pem", "path.txt", DATABASE)
_OWN_NAMES = (*_SECRET_NAMES, "complaints.")
"""What the names of all files that a host makes there begin with."""
_OPEN_TO_OTHERS = (
    "Other users of this machine can see by the dates in the data folder when readers read: close it to them (chmod"
    " 700), or name a folder of its own (--data)."
)


def close_to_others(folder: Path) -> tuple[str, ...]:
    """Let nobody but their owner read the secret files in the folder, or look into it.

    A folder that has other things in it, or that is somebody else's, stays as it is. Then the lines that are returned
    tell whoever runs the host what others can see.
    """
    if os.name == "nt":  # there, a folder of a user is theirs alone
        return ()
    try:
        _close_secret_files(folder)
        now = folder.stat()
        if not now.st_mode & _OTHERS or not stat.S_ISDIR(now.st_mode):
            return ()
        if not now.st_mode & stat.S_ISVTX and now.st_uid == os.geteuid() and _has_own_files_alone(folder):
            folder.chmod(stat.S_IMODE(now.st_mode) & ~_OTHERS)
            return ()
    except OSError:  # what is wrong with it is said by who needs it
        return ()
    return (_OPEN_TO_OTHERS,)


def _has_own_files_alone(folder: Path) -> bool:
    return all(each.name.startswith(_OWN_NAMES) for each in folder.iterdir())


def _close_secret_files(folder: Path) -> None:
    for each in folder.iterdir():
        if not each.name.startswith(_SECRET_NAMES):
            continue
        now = each.stat(follow_symlinks=False)
        if stat.S_ISREG(now.st_mode) and now.st_mode & _OTHERS and now.st_uid == os.geteuid():
            each.chmod(stat.S_IMODE(now.st_mode) & ~_OTHERS)
