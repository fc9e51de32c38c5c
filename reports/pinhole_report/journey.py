"""Follows messages from interface to interface.

A lab's capture shows a packet at every interface that it passed: out of the device, into the gateway,
out of the gateway with other addresses, into the next. These sightings are put together again to one
journey: hops across links, and the place where it ended. NATs rewrite addresses and ports, so it is
the digest of the payload that says what belongs together:

  - a message that comes in has crossed the link from where it went out with the same addresses;
  - a message that goes out of a node which it had entered just before was forwarded;
  - any other message that goes out begins a journey.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Optional

CROSSING = 5.0  # seconds that a link may take, impaired ones included
FORWARDING = 0.5  # seconds that a node may take
DISORDER = 0.002  # seconds by which a capture may show a packet's arrival before its departure

DELIVERED, STOPPED, LOST = "delivered", "stopped", "lost"


@dataclass
class Hop:
    """One link crossed: the sighting where the message left, and one for each node that it reached."""

    left: Optional[dict] = None
    reached: list = field(default_factory=list)

    @property
    def sightings(self):
        return ([self.left] if self.left else []) + self.reached

    @property
    def any(self):
        return self.sightings[0]


@dataclass
class Journey:
    hops: list
    fate: str = DELIVERED

    @property
    def first(self):
        return self.hops[0].any

    @property
    def end(self):
        """Time of the last sighting."""
        return max(sighting["time"] for hop in self.hops for sighting in hop.sightings)

    @property
    def frames(self):
        """Frame numbers on the way, hop by hop."""
        return [sighting["frame"] for hop in self.hops for sighting in hop.sightings]


def node_of(sighting):
    return sighting["interface"].partition(":")[0]


def _same_addresses(a, b):
    return a["source"] == b["source"] and a["destination"] == b["destination"]


def _is_reply(incoming, outgoing):
    """An echo has the payload of what it answers, but goes back where that came from."""
    return (
        incoming["source"] == outgoing["destination"]
        and incoming["destination"] == outgoing["source"]
    )


def is_multicast(endpoint):
    host = (
        endpoint.rpartition(":")[0].strip("[]")
        if endpoint.count(":") == 1 or "]" in endpoint
        else endpoint
    )
    if ":" in host:
        return host.lower().startswith("ff")
    head = host.partition(".")[0]
    return head.isdigit() and int(head) >= 224


class _Tracker:
    """Journeys so far, and by digest those hops that may still go on."""

    def __init__(self):
        self.journeys = []
        self.open = defaultdict(list)  # digest -> journeys

    def begin(self, hop):
        journey = Journey([hop])
        self.journeys.append(journey)
        self.open[hop.any["payload"]].append(journey)

    def candidates(self, sighting):
        return self.open[sighting["payload"]]

    def forget(self, sighting):
        """Drops journeys that are too old to go on, so that a flood of equal packets stays cheap."""
        journeys = self.candidates(sighting)
        while journeys and sighting["time"] - _latest(journeys[0]) > CROSSING + FORWARDING:
            journeys.pop(0)

    def leave(self, sighting):
        for journey in self.candidates(sighting):
            hop = journey.hops[-1]
            for arrival in hop.reached:
                if (
                    node_of(arrival) == node_of(sighting)
                    and not _is_reply(arrival, sighting)
                    and sighting["time"] - arrival["time"] <= FORWARDING
                ):
                    journey.hops.append(Hop(left=sighting))
                    return
            if (
                hop.left is None
                and hop.reached
                and _same_addresses(hop.reached[0], sighting)
                and node_of(hop.reached[0]) != node_of(sighting)
                and sighting["time"] - hop.reached[0]["time"] <= DISORDER
            ):
                hop.left = sighting
                return
        self.begin(Hop(left=sighting))

    def arrive(self, sighting):
        for journey in self.candidates(sighting):
            hop = journey.hops[-1]
            if (
                hop.left
                and _same_addresses(hop.left, sighting)
                and node_of(hop.left) != node_of(sighting)
                and all(node_of(s) != node_of(sighting) for s in hop.reached)
                and sighting["time"] - hop.left["time"] <= CROSSING
            ):
                hop.reached.append(sighting)
                return
        self.begin(Hop(reached=[sighting]))


def _latest(journey):
    return journey.hops[-1].sightings[-1]["time"]


def _endpoints(journeys):
    """Which endpoints speak from which node, as (node, "ADDRESS:PORT")."""
    return {(node_of(j.first), j.first["source"]) for j in journeys if j.hops[0].left}


def _fate(journey, speakers, hosts):
    hop = journey.hops[-1]
    if not hop.reached:
        return (
            LOST
            if hop.left["direction"] == "out" and not is_multicast(hop.left["destination"])
            else DELIVERED
        )
    arrival = hop.reached[-1]
    if is_multicast(arrival["destination"]) or arrival["direction"] == "unknown":
        return DELIVERED
    node = node_of(arrival)
    return DELIVERED if node in hosts or (node, arrival["destination"]) in speakers else STOPPED


def hosts_of(messages, interfaces):
    """Nodes with one interface: they are no routers."""
    known = defaultdict(set)
    for name in [*interfaces, *(sighting["interface"] for sighting in messages)]:
        known[name.partition(":")[0]].add(name)
    return {node for node, names in known.items() if len(names) == 1}


def follow(messages, interfaces=()):
    """Journeys in the order in which they begin.

    A message was stopped if it came to a node with several interfaces that neither forwarded it nor
    ever spoke from the address and port it was sent to; it was lost if it went out and came nowhere.
    interfaces names further interfaces of the lab, which saw no message.
    """
    tracker = _Tracker()
    for sighting in messages:
        tracker.forget(sighting)
        if sighting["direction"] == "out":
            tracker.leave(sighting)
        elif sighting["direction"] == "in":
            tracker.arrive(sighting)
        else:
            tracker.begin(Hop(reached=[sighting]))
    hosts = hosts_of(messages, interfaces)
    speakers = _endpoints(tracker.journeys)
    for journey in tracker.journeys:
        journey.fate = _fate(journey, speakers, hosts)
    return tracker.journeys


def describe_end(journey):
    """Where a journey ended that was not delivered, in words that are equal for its retransmissions."""
    hop = journey.hops[-1]
    if journey.fate == LOST:
        return f"left {hop.left['interface']} and arrived nowhere"
    arrival = hop.reached[-1]
    return (
        f"reached {arrival['interface']} and went no further: {node_of(arrival)} did not forward it, and "
        f"nothing there speaks from {arrival['destination']}"
    )


def order_nodes(journeys, hosts=()):
    """Nodes in the order in which lifelines should stand: those that share links side by side, beginning
    with the host that speaks first. What is said to all hosts of a link tells little about who belongs
    beside whom: it counts last."""
    neighbours = defaultdict(list)
    seen = []
    for journey in sorted(journeys, key=lambda one: is_multicast(one.first["destination"])):
        for hop in journey.hops:
            for sighting in hop.sightings:
                node = node_of(sighting)
                if node not in seen:
                    seen.append(node)
                before = node_of(hop.left) if hop.left else node
                if before != node and node not in neighbours[before]:
                    neighbours[before].append(node)
                    neighbours[node].append(before)
    ends = [node for node in seen if len(neighbours[node]) <= 1]
    order = []
    for start in [node for node in ends if node in hosts] + ends + seen:
        queue = [start]
        while queue:
            node = queue.pop(0)
            if node not in order:
                order.append(node)
                queue += neighbours[node]
    return order
