# Any image with Python 3.11 or newer, `venv` included, will do as the base of both stages.
ARG BASE=python:3.13.16-slim-trixie

FROM ${BASE} AS build
WORKDIR /source
RUN python3 -m venv /opt/orgcoverage
ENV PATH=/opt/orgcoverage/bin:${PATH}
# With requirements-store.lock it can push to an object store, and be filled from one.
ARG LOCK=requirements.lock
COPY ${LOCK} ./
RUN pip install --no-cache-dir --require-hashes -r ${LOCK}
COPY pyproject.toml README.md LICENSE ./
COPY alembic ./alembic
COPY app ./app
COPY orgcoverage ./orgcoverage
RUN pip install --no-cache-dir --no-deps . && pip uninstall --yes pip

FROM ${BASE}
COPY --from=build /opt/orgcoverage /opt/orgcoverage
# Nothing outside /data and /tmp is written: the root file system may be read-only.
RUN mkdir /data && chown 65532:65532 /data
ENV PATH=/opt/orgcoverage/bin:${PATH} \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORGCOVERAGE_DATA_DIR=/data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["orgcoverage"]
CMD ["serve", "--host", "0.0.0.0"]
