#!/bin/sh
# Forms a Redis Cluster of the nodes in NODES, `host:port` each; of one that is formed, waits until all slots are served.
set -eu
first=${NODES%% *}
ask() { redis-cli -h "${first%:*}" -p "${first#*:}" "$@"; }
if ask cluster info | grep -q '^cluster_known_nodes:1.$'; then
  addresses=
  for node in $NODES; do # The nodes of a Cluster meet by address, not by name.
    addresses="$addresses $(getent hosts "${node%:*}" | head -n 1 | cut -d ' ' -f 1):${node#*:}"
  done
  # shellcheck disable=SC2086
  redis-cli --cluster create $addresses --cluster-yes
fi
until ask cluster info | grep -q '^cluster_state:ok'; do sleep 0.2; done
