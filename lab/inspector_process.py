"""The process of the censor's inspector: `python -m lab.inspector_process NAMESPACE RULES`.

The border router leads the first packets of each connection, from the inside to the outside, to a TUN interface of this
process. What may pass goes back the way it came. RULES is a `censor.NameRules` in JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from types import FrameType

from lab.censor import WATCH, NameRules
from lab.inspector import Inspector
from lab.tun import PACKET_MAX, open_tun


def main() -> None:
    """Inspect packets for ever; SIGTERM ends the process, which prints its counts then."""
    rules = json.loads(sys.argv[2])
    inspector = Inspector(NameRules(rules["forge"], tuple(rules["cut_sni"]), tuple(rules["cut_host"])))
    tun = open_tun(sys.argv[1], WATCH)
    os.set_blocking(tun, True)

    def end(_number: int, _frame: FrameType | None) -> None:
        print(json.dumps({"event": "counts", **inspector.counts}), flush=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(json.dumps({"event": "ready"}), flush=True)
    # The parent process sets the interface up; a read before that waits.
    while True:
        for packet in inspector.inspect(os.read(tun, PACKET_MAX)):
            try:
                os.write(tun, packet)
            except OSError:
                pass  # the kernel refuses such a packet, so it is lost


if __name__ == "__main__":
    main()
