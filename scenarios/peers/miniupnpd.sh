#!/bin/sh
# Starts miniupnpd with its chains empty, as its package's nft_flush.sh leaves them: it makes anew what its
# file of leases holds, and would never remove a rule that an earlier process left.
set -e
for chain in miniupnpd prerouting_miniupnpd postrouting_miniupnpd; do
    nft flush chain inet filter $chain
done
exec "$@"
