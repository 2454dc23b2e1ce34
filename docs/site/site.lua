-- SPDX-License-Identifier: MIT
-- A pandoc filter: links lead to the pages of the site, tables scroll by themselves.

local function is_folder(path)
	local file = io.open(os.getenv('FROM') .. '/' .. path)
	local folder = file and not file:read(1)
	if file then
		file:close()
	end
	return folder
end

-- The address of a file of the tree: scripts/docs makes the page of that name.
local function page(target)
	if target:match('^%a+:') or target:match('^#') then
		return target
	end
	local path, anchor = target:match('^([^#]*)(#?.*)$')
	if path:match('%.md$') then
		path = path:gsub('%.md$', '.html')
	elseif is_folder(path) then
		path = path:gsub('/$', '') .. '/index.html'
	elseif not path:match('%.svg$') and not path:match('%.html$') then
		path = path .. '.html' -- a source
	end
	-- README of the tree is the first page.
	if path == os.getenv('ROOT') .. 'README.html' then
		path = os.getenv('ROOT') .. 'index.html'
	end
	return path .. anchor
end

function Link(link)
	link.target = page(link.target)
	return link
end

-- In a cell a long name may break after _ and /, so that the columns beside it have room.
local function breakable(code)
	if #code.text < 16 or not code.text:match('[_/].') then
		return nil
	end
	local text = code.text:gsub('&', '&amp;'):gsub('<', '&lt;'):gsub('>', '&gt;'):gsub('([_/])', '%1<wbr>')
	return pandoc.RawInline('html', '<code>' .. text .. '</code>')
end

function Table(t)
	t = t:walk({Code = breakable})
	for i, spec in ipairs(t.colspecs) do
		t.colspecs[i] = {spec[1], nil} -- as wide as what is in it
	end
	local wide = #t.colspecs > 3 and ' wide' or ''
	return pandoc.Div({t}, {class = 'table' .. wide})
end
