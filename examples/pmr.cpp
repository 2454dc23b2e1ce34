/* SPDX-License-Identifier: MIT */
/* pmr.cpp - a pool as std::pmr::memory_resource: a container of the library's in blocks of pages,
 * small objects from a resource of the standard's on top of it. */
#include <list>
#include <memory_resource>
#include <new>
#include <vector>

#include <roost/pool.h>

class pool_resource : public std::pmr::memory_resource
{
      public:
	explicit pool_resource(std::size_t limit)
	{
		roost_pool_config config = ROOST_POOL_CONFIG_INIT;

		config.limit = limit;
		if (roost_pool_create(&pool_, &config))
			throw std::bad_alloc();
	}
	~pool_resource() override
	{
		roost_pool_destroy(pool_);
	}
	pool_resource(const pool_resource &) = delete;
	pool_resource &operator=(const pool_resource &) = delete;

	std::size_t used() const
	{
		struct roost_pool_info info; /* a function has that name too */

		roost_pool_info(pool_, &info);
		return info.used;
	}

      private:
	void *do_allocate(std::size_t bytes, std::size_t alignment) override
	{
		/* A block is aligned to its size. */
		void *block =
			roost_pool_alloc(pool_, bytes < alignment ? alignment : bytes, ROOST_WAIT);

		if (!block)
			throw std::bad_alloc();
		return block;
	}
	void do_deallocate(void *block, std::size_t, std::size_t) override
	{
		roost_pool_free(block);
	}
	bool do_is_equal(const memory_resource &other) const noexcept override
	{
		return this == &other;
	}

	roost_pool_t *pool_ = nullptr;
};

int main()
{
	pool_resource pages(std::size_t(256) << 20);
	{
		std::pmr::vector<int> numbers(1000000, 7, &pages);
		std::pmr::unsynchronized_pool_resource small(&pages);
		std::pmr::list<int> list(&small);

		for (int i = 0; i < 100000; i++)
			list.push_back(numbers[std::size_t(i)]);
		if (!pages.used())
			return 1;
	}
	return pages.used() != 0; /* everything came back */
}
