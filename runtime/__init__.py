"""What every process needs: settings, tasks, deadlines, logs, metrics. Knows only `schemas`."""
