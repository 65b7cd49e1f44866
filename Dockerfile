# The linkage service of the trusted third party: web and worker are one image, two commands.
# Everything comes from requirements/*.lock, by hash. The image holds no secret and no data.
#
#   docker build --tag blindlink .
#   docker run --read-only --tmpfs /tmp --user 10001:10001 --volume data:/var/lib/blindlink blindlink
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements/build.lock requirements/service.lock requirements/
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/build.lock \
 && python -m venv /opt/blindlink \
 && /opt/blindlink/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/service.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY schemas schemas
COPY src src
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
 && /opt/blindlink/bin/pip install --no-cache-dir --no-deps --no-index wheels/*.whl \
 && /opt/blindlink/bin/python -m compileall -q /opt/blindlink/lib \
 && /opt/blindlink/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 blindlink \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/blindlink \
      --shell /usr/sbin/nologin blindlink \
 && install -d -m 0700 -o blindlink -g blindlink /var/lib/blindlink /var/lib/blindlink/storage \
      /var/lib/blindlink/linker-keys /var/lib/blindlink/witness /var/lib/blindlink/scratch
COPY --from=build /opt/blindlink /opt/blindlink
# The linker's kernels are compiled on first use; the root file system is read-only.
ENV PATH=/opt/blindlink/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/tmp/numba
USER 10001:10001
WORKDIR /var/lib/blindlink
VOLUME /var/lib/blindlink
EXPOSE 8410
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8410/ready', timeout=4)"]
ENTRYPOINT ["blindlink"]
CMD ["serve", "--data", "/var/lib/blindlink", "--host", "0.0.0.0", "--workers", "0"]
