#!/bin/sh
# Starts the Workers runtime in place of this shell, so the process id written here is the runtime's.
echo $$ >"$MPIM_RUNTIME_PID" && exec "$MPIM_RUNTIME" "$@"
