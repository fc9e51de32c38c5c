"""Makes and removes mininet's star of hosts once, and prints how long both took.

    mininet_star.py HOSTS      prints {"up": seconds, "down": seconds}

To be run as root of namespaces of its own, with mininet's package on PYTHONPATH and its programs on PATH.
One Linux bridge, no controller: what `mn --topo single,HOSTS --switch lxbr --controller none` makes.
"""

import json
import sys
import time

from mininet import util
from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo


def main() -> None:
    hosts = int(sys.argv[1])
    setLogLevel("error")
    # It would raise limits of the whole machine; here that is refused, and measures nothing.
    util.fixLimits = lambda: None
    Mininet.inited = True
    start = time.monotonic()
    net = Mininet(topo=SingleSwitchTopo(k=hosts), switch=LinuxBridge, controller=None)
    net.start()
    up = time.monotonic()
    net.stop()
    down = time.monotonic()
    print(json.dumps({"up": up - start, "down": down - up}))


main()
