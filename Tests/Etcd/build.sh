#!/usr/bin/env bash
# Builds the program that runs etcd's consensus core beside ours: tollgate-benchmark raft --etcd PROGRAM
#
#   Tests/Etcd/build.sh [PROGRAM]        PROGRAM defaults to .build/etcd-raft
#
# Needs Go and etcd's sources: apt-get install golang-go golang-etcd-server-dev (Debian has etcd 3.4).
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-.build/etcd-raft}
Tests/install-packages.sh go=golang-go
[ -d /usr/share/gocode/src/go.etcd.io/etcd/raft ] || Tests/install-packages.sh -=golang-etcd-server-dev
mkdir -p "$(dirname "$program")"
GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' go build -o "$program" Tests/Etcd/raft.go
echo "$program"
