-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- Links PCP requests and responses (RFC 6887) in Wireshark and tshark.
--
-- Wireshark's own dissector `portcontrol` decodes each message by itself. This one runs behind it and
-- says what belongs together: pinhole.response_in, pinhole.request_in, the response time, and
-- which requests are retransmissions.
--
-- What belongs together is found interface by interface: a capture of a whole lab holds a packet once
-- for every interface it passed, and a copy seen at the next hop is no retransmission. In every
-- interface a *transaction* is keyed by client, server, opcode and what section 11.1 and 12.1 copy
-- from the request into the response: nonce, protocol, internal port, and the remote peer of PEER.
--
-- Wireshark shows packets in any order (a click is enough), and tshark calls a postdissector in its
-- second pass only, unless a filter needs fields in the first. So a message is remembered when it is
-- first met, wherever that is, and links are read from what is remembered at that time.

local pinhole = Proto("pinhole", "PCP transaction (pinhole)")

local fields = {
    response_in = ProtoField.framenum("pinhole.response_in", "Response in frame",
        base.NONE, frametype.RESPONSE),
    request_in = ProtoField.framenum("pinhole.request_in", "Request in frame",
        base.NONE, frametype.REQUEST, 0, "The latest transmission of the request that is answered here"),
    time = ProtoField.relative_time("pinhole.time", "Response time",
        "From the latest transmission of the request to its response"),
    time_since_first = ProtoField.relative_time("pinhole.time_since_first",
        "Time since first transmission", "From the first transmission of the request to this frame"),
    retransmission_of = ProtoField.framenum("pinhole.retransmission_of", "Retransmission of frame",
        base.NONE, frametype.RETRANS_PREV),
}
pinhole.fields = fields

local experts = {
    retransmission = ProtoExpert.new("pinhole.retransmission",
        "Retransmission of the request (RFC 6887 section 8.1.1)",
        expert.group.SEQUENCE, expert.severity.NOTE),
    repeated = ProtoExpert.new("pinhole.repeated_response",
        "A further response to one request: a duplicate, or a mapping update (section 14.2)",
        expert.group.SEQUENCE, expert.severity.NOTE),
    unsolicited = ProtoExpert.new("pinhole.response_without_request",
        "Response without a request in this capture", expert.group.SEQUENCE, expert.severity.WARN),
}
pinhole.experts = experts

local ANNOUNCE, PEER = 0, 2
local CLIENT_PORT = 5350 -- unsolicited ANNOUNCE responses go there, section 14.1.3

local field = {}
for name, filter in pairs({
    message = "portcontrol", r = "portcontrol.r", opcode = "portcontrol.opcode",
    interface = "frame.interface_id", icmp = "icmp.type", icmpv6 = "icmpv6.type",
    map_nonce = "portcontrol.map.nonce", map_protocol = "portcontrol.map.protocol",
    map_port = "portcontrol.map.internal_port",
    peer_nonce = "portcontrol.peer.nonce", peer_protocol = "portcontrol.peer.protocol",
    peer_port = "portcontrol.peer.internal_port",
    remote_port = "portcontrol.peer.remote_peer_port", remote_ip = "portcontrol.peer.remote_peer_ip",
}) do
    field[name] = Field.new(filter)
end

-- Transactions by key, and the message of a frame by its number. A transaction's messages stand in
-- the order of their frames; each belongs to an *exchange*: a request, its retransmissions, and the
-- responses to it.
local transactions, messages

function pinhole.init()
    transactions, messages = {}, {}
end

local function text_of(name)
    local info = field[name]()
    return info and tostring(info)
end

-- What identifies the transaction inside the message; nil if the message is cut before that.
local function identity(opcode)
    if opcode == ANNOUNCE then
        return "announce"
    end
    local nonce = text_of("map_nonce") or text_of("peer_nonce")
    local protocol = text_of("map_protocol") or text_of("peer_protocol")
    local port = text_of("map_port") or text_of("peer_port")
    if not (nonce and protocol and port) then
        return nil
    end
    if opcode == PEER then
        local remote_port, remote_ip = text_of("remote_port"), text_of("remote_ip")
        if not (remote_port and remote_ip) then
            return nil
        end
        return table.concat({ opcode, nonce, protocol, port, remote_port, remote_ip }, " ")
    end
    return table.concat({ opcode, nonce, protocol, port }, " ")
end

-- Assigns message to the exchange that the one before it (nil at the start) leaves open.
local function assign(message, before)
    local exchange = before and before.exchange
    if message.response then
        message.exchange = exchange or { responses = {} }
        table.insert(message.exchange.responses, message)
    elseif exchange and exchange.first and #exchange.responses == 0
        and exchange.first.octets == message.octets then
        message.exchange = exchange
        exchange.latest = message
    else -- the first request, a renewal, or a request that asks for something else
        message.exchange = { first = message, latest = message, responses = {} }
    end
end

local function remember(message, key)
    local list = transactions[key]
    if not list then
        list = {}
        transactions[key] = list
    end
    messages[message.frame] = message
    local last = list[#list]
    table.insert(list, message)
    if not last or last.frame < message.frame then
        assign(message, last)
        return
    end
    table.sort(list, function(a, b) return a.frame < b.frame end)
    for i = 1, #list do
        assign(list[i], list[i - 1])
    end
end

-- Reads the message of the frame being dissected; nil and nil if there is none that can be linked.
local function read(pinfo)
    local whole, r, opcode = field.message(), field.r(), field.opcode()
    -- The message inside an ICMP error is a quotation.
    if not (whole and r and opcode) or field.icmp() or field.icmpv6() then
        return nil
    end
    local name = identity(opcode.value)
    if not name then
        return nil
    end
    local message = {
        frame = pinfo.number,
        time = pinfo.rel_ts,
        response = r.value,
        octets = not r.value and tostring(whole.range:bytes()) or nil,
        -- Servers announce their restart without being asked.
        announcement = r.value and opcode.value == ANNOUNCE and pinfo.dst_port == CLIENT_PORT,
    }
    local client = tostring(pinfo.src) .. " " .. pinfo.src_port
    local server = tostring(pinfo.dst) .. " " .. pinfo.dst_port
    if message.response then
        client, server = server, client
    end
    return message, table.concat({ text_of("interface") or "0", client, server, name }, " ")
end

local function seconds(duration)
    local whole = math.floor(duration)
    return NSTime.new(whole, math.floor((duration - whole) * 1e9 + 0.5))
end

local function show_request(message, tree)
    local exchange = message.exchange
    local response = exchange.responses[1]
    if response then
        tree:add(fields.response_in, response.frame):set_generated()
    end
    if message ~= exchange.first then
        tree:add(fields.retransmission_of, exchange.first.frame):set_generated()
            :add_proto_expert_info(experts.retransmission)
        tree:add(fields.time_since_first, seconds(message.time - exchange.first.time)):set_generated()
    end
end

local function show_response(message, tree)
    local exchange = message.exchange
    if not exchange.first then
        tree:add_proto_expert_info(experts.unsolicited)
        return
    end
    local item = tree:add(fields.request_in, exchange.latest.frame):set_generated()
    if message ~= exchange.responses[1] then
        item:add_proto_expert_info(experts.repeated)
        return
    end
    tree:add(fields.time, seconds(message.time - exchange.latest.time)):set_generated()
    if exchange.latest ~= exchange.first then
        tree:add(fields.time_since_first, seconds(message.time - exchange.first.time)):set_generated()
    end
end

function pinhole.dissector(_, pinfo, tree)
    local message = messages[pinfo.number]
    if not message then
        local key
        message, key = read(pinfo)
        if not message then
            return
        end
        remember(message, key)
    end
    local exchange = message.exchange
    local alone = message == exchange.first and #exchange.responses == 0
    if alone or (message.announcement and not exchange.first) then
        return
    end
    local branch = tree:add(pinhole):set_generated()
    if message.response then
        show_response(message, branch)
    else
        show_request(message, branch)
    end
end

register_postdissector(pinhole)
