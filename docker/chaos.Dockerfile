# The image of the sidecar that cuts single links: `npm run chaos` runs its iptables in the network namespace of a node.
FROM node:24-bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends iptables \
    && rm -rf /var/lib/apt/lists/*
ENTRYPOINT []
CMD ["iptables", "--version"]
