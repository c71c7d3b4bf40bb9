# The standalone server as an image: `docker build -t signal-server .`
# It stands in the root because Cloud Run, Elastic Beanstalk, Railway and others look for it here.

FROM node:22-slim AS build
WORKDIR /app
COPY . .
RUN node scripts/build.mjs packages/signal-server-standalone
RUN node scripts/yarn.mjs workspaces focus signal-server-standalone --production
RUN rm -rf packages/*/src packages/*/test

FROM node:22-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/packages ./packages
USER node
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=5s --retries=3 \
  CMD ["node", "--initial-old-space-size=256", "packages/signal-server-standalone/deploy/healthcheck.mjs"]
CMD ["node", "--initial-old-space-size=256", "packages/signal-server-standalone/dist/start.js"]
