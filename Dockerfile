# The sorter on Debian slim: one stage makes the virtual environment, the other one runs it.
#
#   docker build -t conveyor-color-sorter .
#   docker run --read-only -v "$PWD/config:/config:ro" -v journal:/var/lib/conveyor-color-sorter conveyor-color-sorter
#
# Mount the directory of the settings, never single files: editors save by renaming a new file over the old one,
# and a container with a single file mounted keeps seeing the old one for ever.
# A USB camera needs `--device /dev/video0 --group-add video`.
FROM debian:bookworm-slim AS build
# hadolint ignore=DL3008 # Debian's archive keeps only the newest security fix of a package: a pin stops building
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
# requirements-demo.lock adds the broker that `demo` starts, requirements-genicam.lock what industrial cameras need.
ARG LOCK=requirements.lock
COPY ${LOCK} /tmp/requirements.lock
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-input \
        --require-hashes --only-binary :all: -r /tmp/requirements.lock \
 && /opt/venv/bin/pip uninstall --yes --disable-pip-version-check setuptools pip
WORKDIR /app
COPY LICENSE run_sorter.py ./
COPY calibration calibration
# The demo's diverter.
COPY examples examples
COPY sorter sorter
# Compiled here, because a read-only root has no place for it later; by content, because dates do not survive copies.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash sorter calibration examples run_sorter.py

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="conveyor-color-sorter" \
      org.opencontainers.image.description="Sorts products on a conveyor by color: camera in, decisions over MQTT out" \
      org.opencontainers.image.licenses="Apache-2.0"
# hadolint ignore=DL3008 # as above
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 sorter \
 && useradd --uid 10001 --gid sorter --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin sorter \
 && install -d -o sorter -g sorter -m 0750 /var/lib/conveyor-color-sorter
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
# One thread for OpenMP: more of them spin against the lines' other work and cost single decisions a second.
ENV PATH=/opt/venv/bin:$PATH \
    OMP_NUM_THREADS=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATE_DIRECTORY=/var/lib/conveyor-color-sorter \
    SORTER_HEALTH_URL=http://127.0.0.1:9464/healthz
WORKDIR /app
USER 10001:10001
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['SORTER_HEALTH_URL'], timeout=2)"]
ENTRYPOINT ["python", "run_sorter.py"]
CMD ["run", "--config", "/config"]
