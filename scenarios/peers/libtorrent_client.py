"""A libtorrent session that does nothing but listen and map its port: the peer `libtorrent`.

Tells what happens, a line each. Without PINHOLE_PORT it listens on 6881, as BitTorrent clients do.
"""
import os
import signal
import sys

import libtorrent

AWAITED = (signal.SIGTERM, signal.SIGINT)
TICK = 0.1  # seconds between two looks at the session's alerts


def say(text):
    print(f"libtorrent: {text}", flush=True)


def open_session():
    port = os.environ.get("PINHOLE_PORT", "6881")
    return libtorrent.session(
        {
            "listen_interfaces": f"0.0.0.0:{port},[::]:{port}",
            "enable_natpmp": True,  # its name for PCP and NAT-PMP
            "enable_upnp": False,
            "enable_dht": False,
            "enable_lsd": False,
            "alert_mask": libtorrent.alert.category_t.all_categories,
        }
    )


def main():
    if sys.argv[1:] == ["--version"]:
        print(f"libtorrent {libtorrent.__version__}")
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    session = open_session()
    say("ready")
    while signal.sigtimedwait(AWAITED, TICK) is None:
        for alert in session.pop_alerts():
            if alert.category() & libtorrent.alert.category_t.port_mapping_notification:
                say(alert.message())


if __name__ == "__main__":
    main()
