/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * bench_peer.h - the loops of a peer. Before it is included, define
 *
 *	PEER, PEER_NAME, PEER_NONE, PEER_DRAIN	the object, its name, no block, its drain
 *	peer_get(), peer_put()			one operation
 *	peer_get_batch(), peer_put_batch()	up to BENCH_BATCH at once
 */

static void peer_pairs(unsigned int order, enum bench_how how, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		bench_block block = peer_get(order, how);

		if (block == PEER_NONE)
			break;
		peer_put(order, block);
	}
}

static unsigned int peer_get_many(unsigned int order, enum bench_how how, bench_block *blocks,
				  unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		blocks[i] = peer_get(order, how);
		if (blocks[i] == PEER_NONE)
			break;
	}
	return i;
}

static void peer_put_many(unsigned int order, bench_block *blocks, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		peer_put(order, blocks[i]);
}

const struct bench_peer PEER = {
	.name = PEER_NAME,
	.pairs = peer_pairs,
	.get = peer_get_many,
	.put = peer_put_many,
	.get_batch = peer_get_batch,
	.put_batch = peer_put_batch,
	.drain = PEER_DRAIN,
};
