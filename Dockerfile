# The worker's image is the last stage; `dev` is for docker-compose.yml alone.
FROM node:26-trixie-slim AS base
WORKDIR /app

FROM base AS packages
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts

FROM packages AS dev
COPY tsconfig.json ./
COPY src ./src
COPY dev ./dev
COPY page ./page
USER 1000:1000
ENTRYPOINT ["node", "--import", "tsx"]
CMD ["dev/sts-main.ts"]

FROM packages AS build
COPY tsconfig.json tsconfig.build.json tsconfig.etf.json ./
COPY src ./src
RUN npm run build

FROM base AS production-packages
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts

FROM base AS worker
ARG VERSION=development
ARG REVISION=unknown
LABEL org.opencontainers.image.title="profile-worker" \
      org.opencontainers.image.description="Worker for a messenger's PROFILE protocol: MQTT and Erlang terms in, Redis behind" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# Package managers are of no use at run time, but to an intruder.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-*

COPY package.json LICENSE ./
COPY --from=production-packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN ln -s /app/dist/cli/main.js /usr/local/bin/profilectl

ENV NODE_ENV=production \
    HTTP_PORT=8080
EXPOSE 8080

# The user `node` by number: Kubernetes can tell only of a number that it is not root. All files belong to root.
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:' + process.env.HTTP_PORT + '/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
