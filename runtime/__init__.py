"""What every process needs: settings, tasks, deadlines, logs, metrics. Knows no other folder but `schemas`."""
