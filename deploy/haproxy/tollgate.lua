-- Asks Tollgate about a request, for HAProxy. See tollgate.cfg for how to install both.
--
-- HAProxy has no forward authentication of its own. Its HTTP client for Lua asks instead; the request waits meanwhile,
-- but no thread does.

-- Where tollgate.cfg passes questions on to Tollgate, and bounds how long they wait.
local url = "http://127.0.0.1:8082/.well-known/tollgate/check"
-- A bound beyond that one, in milliseconds.
local timeout = 5000

-- Fields of the client's request that are not Tollgate's affair: its body and its connection.
local not_told = {
    ["connection"] = true, ["keep-alive"] = true, ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true,
    ["transfer-encoding"] = true, ["content-length"] = true, ["upgrade"] = true, ["expect"] = true, ["host"] = true,
    ["sec-websocket-key"] = true,
}

-- The values of a field, as the HTTP client takes them. HAProxy counts them from 0.
local function list(values)
    local result = {}
    for index = 0, #values do
        result[#result + 1] = values[index]
    end
    return result
end

-- Remembers a field of Tollgate's answer for the response to the client.
local function keep(txn, response, field, name)
    local values = response.headers[field]
    if values and values[0] then
        txn:set_var(name, values[0])
    end
end

-- Sets txn.tollgate to `admitted`, `refused` or `down`.
core.register_action("tollgate_ask", { "http-req" }, function(txn)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not not_told[name] then
            headers[name] = list(values)
        end
    end
    -- tollgate.cfg has set X-Forwarded-For, -Host and -Proto and the id.
    headers["x-forwarded-method"] = { txn.sf:method() }
    headers["x-forwarded-uri"] = { txn.sf:pathq() }

    local response = core.httpclient():get { url = url, headers = headers, timeout = timeout }
    -- Without an answer of Tollgate HAProxy makes one, 503 or 504, which has no id.
    local answered = response and response.headers and response.headers["x-request-id"]
    if not answered then
        txn:set_var("txn.tollgate", "down")
    elseif response.status == 200 then
        keep(txn, response, "ratelimit", "txn.tollgate_limit")
        keep(txn, response, "ratelimit-policy", "txn.tollgate_limit_policy")
        keep(txn, response, "pow-pass", "txn.tollgate_pass")
        txn:set_var("txn.tollgate", "admitted")
    else
        txn:set_var("txn.tollgate", "refused")
    end
end, 0)

-- Takes Tollgate's cookies out of the request and leaves the others as they are.
core.register_action("tollgate_strip", { "http-req" }, function(txn)
    local fields = txn.http:req_get_headers()["cookie"]
    if not fields then
        return
    end
    txn.http:req_del_header("cookie")
    for _, field in ipairs(list(fields)) do
        local kept = {}
        for pair in field:gmatch("[^;]+") do
            pair = pair:match("^%s*(.-)%s*$")
            if pair ~= "" and not pair:find("^tollgate_") and not pair:find("^__Host%-tollgate_") then
                kept[#kept + 1] = pair
            end
        end
        if #kept > 0 then
            txn.http:req_add_header("cookie", table.concat(kept, "; "))
        end
    end
end, 0)
