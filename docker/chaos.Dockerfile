# What cuts single links: iptables, run in the network namespace of a node by `npm run chaos`.
FROM node:24-bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends iptables \
    && rm -rf /var/lib/apt/lists/*
ENTRYPOINT []
CMD ["iptables", "--version"]
