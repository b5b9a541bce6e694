# The worker's image is the last stage; `dev` is for docker-compose.yml alone.
# Each COPY from the tree says who may read it: the modes of a clone depend on its umask.
# renovate: datasource=docker depName=node versioning=node
FROM node:26.10.0-trixie-slim@sha256:ec7758ee051e457b468b32bde57b0879010b325bb9862718e9615225ce4aaae1 AS base
WORKDIR /app
COPY --chmod=0755 deploy/container/healthy /usr/local/bin/

FROM base AS packages
COPY --chmod=0644 package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts

FROM packages AS dev
COPY --chmod=0644 tsconfig.json ./
COPY --chmod=0755 src ./src
COPY --chmod=0755 dev ./dev
COPY --chmod=0755 page ./page
USER 1000:1000
ENTRYPOINT ["node", "--import", "tsx"]
CMD ["dev/sts-main.ts"]

FROM packages AS build
COPY --chmod=0644 tsconfig.json tsconfig.build.json tsconfig.etf.json ./
COPY --chmod=0755 src ./src
RUN npm run build
COPY --chmod=0755 dev ./dev
RUN npm run -s sbom > sbom.json && npm run -s licences > licences.txt

FROM base AS production-packages
COPY --chmod=0644 package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts

FROM base AS worker
ARG VERSION=development
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="profile-worker" \
      org.opencontainers.image.description="Worker for a messenger's PROFILE protocol: MQTT and Erlang terms in, Redis behind" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"

# Package managers are of no use at run time, but to an intruder.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-*

COPY --chmod=0644 package.json LICENSE ./
COPY --chmod=0755 deploy/container/entrypoint /usr/local/bin/
COPY --from=production-packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/sbom.json /app/licences.txt ./
RUN ln -s /app/dist/cli/main.js /usr/local/bin/profilectl

ENV NODE_ENV=production \
    HTTP_PORT=8080
EXPOSE 8080

# The user `node` by number: Kubernetes can tell only of a number that it is not root. All files belong to root.
USER 1000:1000
STOPSIGNAL SIGTERM
# Whether the process turns, as a liveness probe asks; docker-compose.yml asks whether it is ready.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["healthy", "/livez"]
ENTRYPOINT ["entrypoint"]
CMD ["worker"]
