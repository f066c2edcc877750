FROM node:24-slim AS build
WORKDIR /app
COPY . .
# Optional packages hold only the SQLite of Node 20.
RUN npm ci && npm run build && npm prune --omit=dev --omit=optional

FROM node:24-slim
ENV NODE_ENV=production PATH=/app/node_modules/.bin:$PATH
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/packages/node packages/node
COPY --from=build /app/packages/server packages/server
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3700 3701
# Wants /app/millrace.config.ts with sources; there, `import … from 'millrace'` finds the package.
# A console that other machines can reach needs the token.
CMD ["sh", "-c", "exec millrace start --data /data --host 0.0.0.0 ${MILLRACE_CONSOLE_TOKEN:+--console-host 0.0.0.0}"]
