// What `tollgate-benchmark raft` measures, with etcd's consensus core: three RawNodes in memory, one goroutine, messages
// handed over as values, writes durable at once. Prints, a line for each round and window: the window, the nanoseconds
// and the allocations that an entry took.
//
//	etcd-raft ROUNDS COUNT BYTES WINDOW...
package main

import (
	"fmt"
	"io/ioutil"
	"log"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"go.etcd.io/etcd/raft"
	"go.etcd.io/etcd/raft/raftpb"
)

const snapshotEvery = 16384

type core struct {
	node    *raft.RawNode
	storage *raft.MemoryStorage
	inbox   []raftpb.Message
	applied uint64
	last    uint64
	state   raftpb.ConfState
}

type trio struct{ cores [3]*core }

func newTrio() *trio {
	t := &trio{}
	voters := []uint64{1, 2, 3}
	for i := range t.cores {
		storage := raft.NewMemoryStorage()
		snapshot := raftpb.Snapshot{Metadata: raftpb.SnapshotMetadata{
			ConfState: raftpb.ConfState{Voters: voters}, Index: 1, Term: 1,
		}}
		must(storage.ApplySnapshot(snapshot))
		node, err := raft.NewRawNode(&raft.Config{
			ID: uint64(i + 1), ElectionTick: 15, HeartbeatTick: 5, Storage: storage, Applied: 1,
			MaxSizePerMsg: 256 << 10, MaxInflightMsgs: 64, MaxUncommittedEntriesSize: 32 << 20,
			CheckQuorum: true, PreVote: true,
		})
		must(err)
		t.cores[i] = &core{node: node, storage: storage, applied: 1, last: 1, state: raftpb.ConfState{Voters: voters}}
	}
	must(t.cores[0].node.Campaign())
	for t.pump() {
	}
	if t.cores[0].node.Status().RaftState != raft.StateLeader {
		log.Fatal("the first of three does not lead")
	}
	return t
}

func (t *trio) pump() bool {
	worked := false
	for _, c := range t.cores {
		for _, m := range c.inbox {
			_ = c.node.Step(m)
		}
		c.inbox = c.inbox[:0]
		if !c.node.HasReady() {
			continue
		}
		worked = true
		ready := c.node.Ready()
		must(c.storage.Append(ready.Entries))
		if !raft.IsEmptyHardState(ready.HardState) {
			must(c.storage.SetHardState(ready.HardState))
		}
		for _, m := range ready.Messages {
			to := t.cores[m.To-1]
			to.inbox = append(to.inbox, m)
		}
		if n := len(ready.CommittedEntries); n > 0 {
			c.applied = ready.CommittedEntries[n-1].Index
		}
		c.node.Advance(ready)
		if c.applied >= c.last+snapshotEvery {
			_, err := c.storage.CreateSnapshot(c.applied, &c.state, nil)
			must(err)
			must(c.storage.Compact(c.applied - snapshotEvery/2))
			c.last = c.applied
		}
	}
	return worked
}

func (t *trio) replicate(command []byte, count, window int) {
	leader := t.cores[0]
	first, proposed := leader.applied, 0
	for int(leader.applied-first) < count {
		// All that there is room for in one proposal, as the other side does it.
		room := window - (proposed - int(leader.applied-first))
		if room > count-proposed {
			room = count - proposed
		}
		if room > 0 {
			entries := make([]raftpb.Entry, room)
			for i := range entries {
				entries[i].Data = command
			}
			must(leader.node.Step(raftpb.Message{Type: raftpb.MsgProp, From: 1, Entries: entries}))
			proposed += room
		}
		if !t.pump() {
			log.Fatal("three cores stand still")
		}
	}
	for t.cores[1].applied < leader.applied || t.cores[2].applied < leader.applied {
		leader.node.Tick()
		for t.pump() {
		}
	}
}

// All threads: the garbage collector's are part of the cost.
func processorTime() int64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	raft.SetLogger(&raft.DefaultLogger{Logger: log.New(ioutil.Discard, "", 0)})
	var numbers []int
	for _, text := range os.Args[1:] {
		number, err := strconv.Atoi(text)
		must(err)
		numbers = append(numbers, number)
	}
	if len(numbers) < 4 {
		log.Fatal("usage: etcd-raft ROUNDS COUNT BYTES WINDOW...")
	}
	rounds, count, command := numbers[0], numbers[1], make([]byte, numbers[2])
	for round := 0; round < rounds; round++ {
		for _, window := range numbers[3:] {
			t := newTrio()
			t.replicate(command, window+1000, window)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := processorTime()
			t.replicate(command, count, window)
			time := processorTime() - begin
			runtime.ReadMemStats(&after)
			fmt.Printf("%d %.1f %.3f\n", window, float64(time)/float64(count),
				float64(after.Mallocs-before.Mallocs)/float64(count))
		}
	}
}
