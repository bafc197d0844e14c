# The image of every Tallygate process; which one it is says the command: up, edge, worker, budgets, sink, api.
FROM python:3.11-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/tallygate
COPY infra/requirements.runtime.lock /src/
RUN /opt/tallygate/bin/pip install --require-hashes -r /src/requirements.runtime.lock

COPY . /src
RUN /opt/tallygate/bin/pip install --no-deps /src
# Asks a process on this machine whether it is ready: the images' health checks need no curl.
RUN printf '%s\n' \
        '#!/opt/tallygate/bin/python' \
        'import sys, urllib.request' \
        'urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/readyz", timeout=2)' \
        > /opt/tallygate/bin/tallygate-ready \
    && chmod +x /opt/tallygate/bin/tallygate-ready

FROM python:3.11-slim-bookworm

RUN useradd --uid 10001 --create-home tallygate && install -d -o tallygate -g tallygate /data
COPY --from=build /opt/tallygate /opt/tallygate
ENV PATH=/opt/tallygate/bin:$PATH PYTHONUNBUFFERED=1 TALLYGATE_DATA_DIR=/data
USER tallygate
WORKDIR /home/tallygate
VOLUME /data
STOPSIGNAL SIGTERM
CMD ["tallygate", "up"]
